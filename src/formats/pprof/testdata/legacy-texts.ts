/** A small one of each form that came before profile.proto. */
export const legacyTexts: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
	Object.entries({
		heap: `heap profile: 3: 1048576 [5: 2097152] @ heap/1048576
1: 524288 [2: 1048576] @ 0x420cef 0x422151 0x4221da
#	0x420cee	main.alloc+0x2e	/src/main.go:12
#	0x422150	main.inlined+0x50	/src/main.go:20
#	0x422150	main.outer+0x50	/src/main.go:31
#	0x4221d9	main.main+0x19	/src/main.go:40

2: 524288 [3: 1048576] @ 0x420cef 0x7fcdc25220ff

# runtime.MemStats
# Alloc = 1024
# Sys = 9999
# HeapSys = 8192
`,
		growth: `heap profile:      1:  1048576 [     1:  1048576] @ growthz
     1:  1048576 [     1:  1048576] @ 0xa3ea45 0xa42dc7
--- Memory map: ---
build=/bin/server
  00400000-00fcb000: $build (@0) abc123
  7fcdc231e000-7fcdc2321000: /libnss_cache-2.15.so
`,
		goroutines: `goroutine profile: total 3
2 @ 0x43c0ea 0x4048e5 0x46a5f8
# labels: {"worker":"7"}
#	0x4048e4	main.work+0x24	/src/main.go:12
#	0x46a5f7	main.main+0x17	/src/main.go:30

1 @ 0x43c0ea
`,
		threads: `--- threadz 1 ---

--- Thread 7f794ab90940 (name: main/14748) stack: ---
  PC:  0x00bc8f1c: helper(arg *)
  0x0040be31: main
--- Thread 7f794964e700 (name: thread1/14751) stack: ---
  [same as previous thread]
--- Memory map: ---
  00400000-00fcb000: cppbench_server_main
`,
		contention: `--- contentionz 1 ---
cycles/second = 3201000000
sampling period = 100
ms since reset = 16502830
discarded samples = 0
  19490304       27 @ 0xbccc97 0xc61202 0x42ed5f
       768        1 @ 0xbccc97 0xa42dc7
--- Memory map: ---
  00400000-00fcb000 r-xp 00000000 00:00 0 /bin/server
`,
		java: `--- heapz 1 ---
format = java
resolution = bytes
          7048     1 @ 0x00000003 0x00000004
          4752     9 @ 0x00000004
0x00000003 com.example.Main.run (Main.java:12)
0x00000004 native (/usr/lib/jvm/libjava.so)
`,
		traceback: `goroutine 1 [running]:
main.main()
	/src/main.go:12 +0x1d

goroutine 18 [chan receive, 12 minutes]:
main.(*server).run(0xc000012345, {0x1, 0x2})
	/src/server.go:33 +0x45
created by main.start in goroutine 1
	/src/main.go:20 +0x99

goroutine 19 [chan receive, 12 minutes]:
main.(*server).run(0xc000012346, {0x1, 0x2})
	/src/server.go:33 +0x45
created by main.start in goroutine 1
	/src/main.go:20 +0x99
`,
	}).map(([name, text]) => [name, new TextEncoder().encode(text)]),
);
