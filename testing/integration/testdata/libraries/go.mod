module gomem.test/libraries

go 1.19
