module github.com/parley-e2ee/parley

go 1.26.0

require (
	github.com/leanovate/gopter v0.2.11
	go.etcd.io/bbolt v1.5.0
	golang.org/x/crypto v0.58.0
	golang.org/x/text v0.43.0
)

require golang.org/x/sys v0.49.0 // indirect
