module gomem.test/profile-server

go 1.24
