module github.com/parley-e2ee/parley/examples

go 1.26.0

require github.com/parley-e2ee/parley v0.0.0

require (
	github.com/google/go-cmp v0.7.0
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/parley-e2ee/parley => ../
