module typha.test/peer

go 1.22

require github.com/golang/snappy v1.0.0
