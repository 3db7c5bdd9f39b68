/* Has the Go archive linked in. */
#include <stdio.h>

extern void Work(int);
extern void Truth(void);

int main(void) {
	char line[16];
	Work(4096);
	Truth();
	while (fgets(line, sizeof line, stdin))
		Truth();
	return 0;
}
