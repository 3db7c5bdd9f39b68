module gomem.test/subjects

go 1.19
