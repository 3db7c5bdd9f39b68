module gomem.test/memstats-server

go 1.24
