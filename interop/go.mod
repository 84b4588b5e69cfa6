module github.com/parley-e2ee/parley/interop

go 1.26.0

replace github.com/parley-e2ee/parley => ../

ignore ./node_modules

require (
	github.com/fernet/fernet-go v0.0.0-20240119011108-303da6aec611
	github.com/parley-e2ee/parley v0.0.0
)

require (
	github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/perf v0.0.0-20260908200009-22c9c6c9d4da // indirect
)

tool golang.org/x/perf/cmd/benchstat
