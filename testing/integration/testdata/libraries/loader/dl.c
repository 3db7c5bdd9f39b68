/* Loads the library that its argument names, as programs with plugins do; waits for the end of its input. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
	char line[16];
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : 0;
	if (!library) {
		puts(dlerror());
		return 1;
	}
	((void (*)(int))dlsym(library, "Work"))(4096);
	((void (*)(void))dlsym(library, "Truth"))();
	while (fgets(line, sizeof line, stdin))
		((void (*)(void))dlsym(library, "Truth"))();
	return 0;
}
