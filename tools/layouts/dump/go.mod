module layoutdump

go 1.21
