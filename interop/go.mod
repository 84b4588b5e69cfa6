module github.com/parley-e2ee/parley/interop

go 1.26.0

replace github.com/parley-e2ee/parley => ../

ignore ./node_modules

require (
	filippo.io/age v1.3.2
	github.com/ProtonMail/gopenpgp/v3 v3.5.2
	github.com/fernet/fernet-go v0.0.0-20240119011108-303da6aec611
	github.com/go-jose/go-jose/v4 v4.1.8
	github.com/minio/sio v0.4.1
	github.com/parley-e2ee/parley v0.0.0
	github.com/tink-crypto/tink-go/v2 v2.9.0
	golang.org/x/crypto v0.58.0
	maunium.net/go/mautrix v0.28.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	filippo.io/hpke v0.4.0 // indirect
	github.com/ProtonMail/go-crypto v1.5.2 // indirect
	github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794 // indirect
	github.com/cloudflare/circl v1.6.3 // indirect
	go.mau.fi/util v0.9.9 // indirect
	golang.org/x/perf v0.0.0-20260908200009-22c9c6c9d4da // indirect
	golang.org/x/sys v0.49.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

tool golang.org/x/perf/cmd/benchstat
