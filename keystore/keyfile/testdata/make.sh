#!/bin/sh
# Makes good/ and bad/, and the lists of fingerprints, with the real tools.
# It needs OpenSSL 3 (with its legacy provider), ssh-keygen, Python 3 with
# cryptography, and Node with node-forge: NODE_PATH says where that is.
set -eu
cd "$(dirname "$0")"
umask 022
rm -rf good bad && mkdir good bad
PASS='correct horse battery staple'

# OpenSSL: private keys, public keys, each in every form.
cd good
openssl genrsa -out openssl-rsa2048-pkcs8.pem 2048
openssl genrsa -out openssl-rsa3072-pkcs8.pem 3072
openssl genrsa -out openssl-rsa4096-pkcs8.pem 4096
openssl genrsa -out openssl-rsa8192-pkcs8.pem 8192
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:2147483647 -out openssl-rsa2048-bigexponent.pem
openssl genpkey -algorithm ED25519 -out openssl-ed25519-pkcs8.pem
for k in rsa2048 ed25519; do
	openssl pkcs8 -topk8 -nocrypt -in openssl-$k-pkcs8.pem -outform DER -out openssl-$k-pkcs8.der
	openssl pkey -in openssl-$k-pkcs8.pem -pubout -out openssl-$k-spki.pem
	openssl pkey -in openssl-$k-pkcs8.pem -pubout -outform DER -out openssl-$k-spki.der
done
openssl rsa -in openssl-rsa2048-pkcs8.pem -text -out openssl-rsa2048-text.pem
openssl rsa -in openssl-rsa2048-pkcs8.pem -pubout -text -out openssl-rsa2048-spki-text.pem
openssl rsa -in openssl-rsa2048-pkcs8.pem -traditional -out openssl-rsa2048-pkcs1.pem
openssl rsa -in openssl-rsa2048-pkcs8.pem -traditional -outform DER -out openssl-rsa2048-pkcs1.der
openssl rsa -in openssl-rsa2048-pkcs8.pem -RSAPublicKey_out -out openssl-rsa2048-public-pkcs1.pem
openssl rsa -in openssl-rsa2048-pkcs8.pem -RSAPublicKey_out -outform DER -out openssl-rsa2048-public-pkcs1.der

# OpenSSL: encrypted PKCS#8.
topk8() { openssl pkcs8 -topk8 -in "openssl-$1-pkcs8.pem" -out "openssl-$1-$2" -passout "pass:$PASS" $3; }
topk8 rsa2048 default.pem ''
topk8 rsa2048 default.der '-outform DER'
topk8 ed25519 default.pem ''
topk8 rsa2048 aes128-sha1.pem '-v2 aes-128-cbc -v2prf hmacWithSHA1'
topk8 rsa2048 aes192-sha384.pem '-v2 aes-192-cbc -v2prf hmacWithSHA384'
topk8 rsa2048 aes256-sha512.pem '-v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 100000'
topk8 rsa2048 scrypt.pem '-scrypt'
topk8 ed25519 scrypt-aes128.pem '-v2 aes-128-cbc -scrypt -scrypt_N 1024 -scrypt_r 4 -scrypt_p 3'
openssl pkcs8 -topk8 -in openssl-rsa2048-pkcs8.pem -out openssl-rsa2048-utf8.pem -passout 'pass:pässwörd'

# ssh-keygen: RSA's private half as PKCS#8 and PKCS#1, encrypted too.
ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -C 'rsa@example' -f ssh-rsa2048-pkcs1
ssh-keygen -q -t rsa -b 3072 -m PKCS8 -N "$PASS" -C 'rsa@example with spaces' -f ssh-rsa3072-encrypted
ssh-keygen -q -t ed25519 -N '' -C '' -f ssh-ed25519 && rm ssh-ed25519
ssh-keygen -e -m PKCS8 -f ssh-rsa2048-pkcs1.pub > ssh-rsa2048-spki.pem
ssh-keygen -e -m PEM -f ssh-rsa2048-pkcs1.pub > ssh-rsa2048-public-pkcs1.pem

# Python's cryptography, Forge, Node.
/usr/bin/python3 ../make.py good
node ../make-forge.js good
node ../make-node.js
cd ..

# Bad ones: what the tools write and this package refuses.
cd bad
g=../good/openssl-rsa2048-pkcs8.pem
openssl genrsa -out size-rsa1024.pem 1024
openssl genrsa -out size-rsa2047.pem 2047
openssl pkey -in size-rsa1024.pem -pubout -out size-rsa1024-spki.pem
ssh-keygen -q -t rsa -b 1024 -N '' -f size-ssh && mv size-ssh.pub size-ssh-rsa1024.pub && rm size-ssh
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out exponent-3.pem
openssl pkey -in exponent-3.pem -pubout -outform DER -out exponent-3-spki.der
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:4294967297 -out exponent-large.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3 -out algorithm-rsa-3primes.pem
openssl rsa -in algorithm-rsa-3primes.pem -traditional -outform DER -out algorithm-rsa-3primes-pkcs1.der
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out algorithm-rsa-pss.pem
openssl pkey -in algorithm-rsa-pss.pem -pubout -out algorithm-rsa-pss-spki.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out algorithm-ec.pem
openssl pkey -in algorithm-ec.pem -pubout -out algorithm-ec-spki.pem
openssl ec -in algorithm-ec.pem -out algorithm-ec-sec1.pem
openssl ec -in algorithm-ec.pem -outform DER -out algorithm-ec-sec1.der
openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -out dsa.params
openssl genpkey -paramfile dsa.params -out algorithm-dsa.pem && rm dsa.params
openssl dsa -in algorithm-dsa.pem -out algorithm-dsa-traditional.pem
openssl dsa -in algorithm-dsa.pem -outform DER -out algorithm-dsa-traditional.der
for k in X25519 X448 ED448; do openssl genpkey -algorithm $k -out algorithm-$k.pem; done
ssh-keygen -q -t ecdsa -N '' -f ecdsa && mv ecdsa.pub algorithm-ssh-ecdsa.pub && mv ecdsa form-openssh-private-ecdsa
ssh-keygen -q -t dsa -N '' -f dsa && mv dsa.pub algorithm-ssh-dsa.pub && rm dsa
ssh-keygen -q -t ed25519 -N '' -f form-openssh-private && rm form-openssh-private.pub
ssh-keygen -q -s form-openssh-private -I id -n user ../good/ssh-ed25519.pub && mv ../good/ssh-ed25519-cert.pub form-ssh-certificate.pub
ssh-keygen -e -f ../good/ssh-ed25519.pub > form-rfc4716.pub
printf 'restrict,command="true" %s' "$(cat ../good/ssh-ed25519.pub)" > form-authorized-keys.pub
openssl req -x509 -key $g -subj /CN=test -days 1 -out form-certificate.pem
openssl x509 -in form-certificate.pem -outform DER -out form-certificate.der
openssl req -new -key $g -subj /CN=test -out form-request.pem
openssl pkcs12 -export -inkey $g -in form-certificate.pem -passout "pass:$PASS" -out form-pkcs12.p12
openssl pkey -in $g -text -out trailing-openssl-text.pem
bad8() { openssl pkcs8 -topk8 -in $g -passout "pass:$PASS" -out "$@"; }
bad8 encryption-des3.pem -v2 des3
bad8 encryption-camellia.pem -v2 camellia-256-cbc
bad8 encryption-hmacsha224.pem -v2 aes256 -v2prf hmacWithSHA224
bad8 encryption-pbes1-des.pem -v1 PBE-SHA1-DES -provider legacy -provider default
bad8 encryption-pkcs12-3des.pem -v1 PBE-SHA1-3DES -provider legacy -provider default
openssl rsa -in $g -traditional -aes256 -passout "pass:$PASS" -out encryption-legacy.pem
bad8 limit-iterations.pem -iter 10000001
bad8 encrypted.pem
cat $g ../good/openssl-ed25519-pkcs8.pem > several-private.pem
{ cat $g; cat ../good/openssl-rsa2048-spki.pem; } > several-with-public.pem
cat ../good/ssh-rsa2048-pkcs1.pub ../good/ssh-ed25519.pub > several-ssh.pub
/usr/bin/python3 ../make.py bad
node ../make-forge.js bad
cd ..

# What the tools say of the good ones. The public keys as DER are on the way.
spki() {
	case $1 in
	*.jwk) node make-node.js spki "$1" ;;
	*.pub) ssh-keygen -e -m PKCS8 -f "$1" > /tmp/spki.$$ 2>/dev/null && openssl pkey -pubin -in /tmp/spki.$$ -outform DER || /usr/bin/python3 make.py spki "$1" ;;
	*public-pkcs1.der) openssl rsa -RSAPublicKey_in -inform DER -in "$1" -pubout -outform DER ;;
	*public-pkcs1.pem) openssl rsa -RSAPublicKey_in -in "$1" -pubout -outform DER ;;
	*spki*) openssl pkey -pubin -in "$1" -pubout -outform DER ;;
	*utf8*) openssl pkey -in "$1" -passin 'pass:pässwörd' -pubout -outform DER ;;
	*) openssl pkey -in "$1" -passin "pass:$PASS" -pubout -outform DER ;;
	esac
}
for f in good/*; do spki "$f" 2>/dev/null | openssl sha256 -r | sed "s|\*stdin|$f|"; done > fingerprints.txt
for f in good/*.pub; do ssh-keygen -lf "$f" | awk -v f="$f" '{print $2, f}'; done > ssh-fingerprints.txt
rm -f /tmp/spki.$$
