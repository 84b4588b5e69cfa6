"""Keys as Python's cryptography writes them, and keys broken by hand, one
failure a file: the name begins with what is wrong."""
import base64, json, secrets, sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

PASS = 'correct horse battery staple'.encode()


def load(name, password=None):
    return s.load_pem_private_key(open('../good/' + name, 'rb').read(), password)


def write(name, data):
    open(name, 'wb').write(data if isinstance(data, bytes) else data.encode())


def good():
    key = rsa.generate_private_key(65537, 2048)
    best = s.BestAvailableEncryption(PASS)
    plain = s.NoEncryption()
    for name, encoding, form, how in [
        ('pkcs8.pem', s.Encoding.PEM, s.PrivateFormat.PKCS8, plain),
        ('pkcs1.pem', s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, plain),
        ('pkcs1.der', s.Encoding.DER, s.PrivateFormat.TraditionalOpenSSL, plain),
        ('encrypted.pem', s.Encoding.PEM, s.PrivateFormat.PKCS8, best),
        ('encrypted.der', s.Encoding.DER, s.PrivateFormat.PKCS8, best),
    ]:
        write('python-rsa2048-' + name, key.private_bytes(encoding, form, how))
    public = key.public_key()
    for name, encoding, form in [
        ('spki.pem', s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo),
        ('spki.der', s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo),
        ('public-pkcs1.pem', s.Encoding.PEM, s.PublicFormat.PKCS1),
        ('ssh.pub', s.Encoding.OpenSSH, s.PublicFormat.OpenSSH),
    ]:
        write('python-rsa2048-' + name, public.public_bytes(encoding, form))
    odd = of_factors(next_prime(3 << 1023 | secrets.randbits(1020)), next_prime(3 << 1022 | secrets.randbits(1020)))
    key = rsa.RSAPrivateNumbers(odd.p, odd.q, odd.d, odd.dp, odd.dq, odd.qi, rsa.RSAPublicNumbers(odd.e, odd.n)).private_key()
    write('python-rsa2049-pkcs8.pem', key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, plain))
    key = ed25519.Ed25519PrivateKey.generate()
    write('python-ed25519-encrypted.pem', key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, best))
    write('python-ed25519-ssh.pub', key.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH))


def spki(name):
    key = s.load_ssh_public_key(open(name, 'rb').read())
    sys.stdout.buffer.write(key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo))


# DER, with room for mistakes.

def tlv(tag, content):
    n = len(content)
    if n < 128:
        return bytes([tag, n]) + content
    size = n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag, 128 + len(size)]) + size + content


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big', signed=True))


def seq(*parts): return tlv(0x30, b''.join(parts))
def octets(b): return tlv(4, b)
def bits(b): return tlv(3, b'\0' + b)


NULL = b'\5\0'
OID_RSA = bytes.fromhex('06092a864886f70d010101')
OID_ED25519 = bytes.fromhex('06032b6570')


def pem(label, der, end='\n'):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return end.join(['-----BEGIN %s-----' % label, *lines, '-----END %s-----' % label, ''])


class Numbers:
    def __init__(self, key):
        k = key.private_numbers()
        self.n, self.e = k.public_numbers.n, k.public_numbers.e
        self.d, self.p, self.q = k.d, k.p, k.q
        self.dp, self.dq, self.qi = k.dmp1, k.dmq1, k.iqmp

    def but(self, **kw):
        other = object.__new__(Numbers)
        other.__dict__.update(self.__dict__, **kw)
        return other

    def private(self):
        return seq(*map(integer, [0, self.n, self.e, self.d, self.p, self.q, self.dp, self.dq, self.qi]))

    def public(self):
        return seq(integer(self.n), integer(self.e))

    def pkcs8(self): return seq(integer(0), seq(OID_RSA, NULL), octets(self.private()))
    def spki(self): return seq(seq(OID_RSA, NULL), bits(self.public()))


def of_factors(p, q, e=65537):
    """The key that p and q would make if they were two primes."""
    k = object.__new__(Numbers)
    k.n, k.e, k.p, k.q = p * q, e, p, q
    k.d = pow(e, -1, (p - 1) * (q - 1))
    k.dp, k.dq = k.d % (p - 1), k.d % (q - 1)
    k.qi = pow(q, -1, p) if p != q else 1
    return k


def is_prime(n):
    return n > 3 and all(pow(a, n - 1, n) == 1 for a in (2, 3, 5, 7, 11))


def next_prime(n, e=65537):
    n |= 1
    while not is_prime(n) or (n - 1) % e == 0:
        n += 2
    return n


def b64u(b): return base64.urlsafe_b64encode(b).rstrip(b'=').decode()
def uint(n): return b64u(n.to_bytes((n.bit_length() + 7) // 8, 'big'))


def ssh(*fields): return b''.join(len(f).to_bytes(4, 'big') + f for f in fields)
def mpint(n): return n.to_bytes(n.bit_length() // 8 + 1, 'big')


def line(name, wire, comment=''):
    return '%s %s%s\n' % (name, base64.b64encode(wire).decode(), comment)


def bad_rsa(k):
    write('modulus-even-spki.der', k.but(n=k.n - 1).spki())
    write('modulus-even-pkcs1.pem', pem('RSA PUBLIC KEY', k.but(n=k.n - 1).public()))
    write('modulus-not-the-product.pem', pem('PRIVATE KEY', k.but(n=k.n + 2).pkcs8()))
    write('modulus-multiple.pem', pem('PRIVATE KEY', k.but(n=k.n * 3).pkcs8()))
    write('modulus-another-p-pkcs1.der', k.but(p=next_prime(k.p + 2)).private())
    write('modulus-factor-one.pem', pem('PRIVATE KEY', k.but(p=k.n, q=1).pkcs8()))
    write('modulus-factor-zero.pem', pem('PRIVATE KEY', k.but(q=0).pkcs8()))
    write('modulus-equal-factors.pem', pem('PRIVATE KEY', of_factors(k.p, k.p).pkcs8()))
    write('modulus-close-factors.pem', pem('PRIVATE KEY', of_factors(k.p, next_prime(k.p + 2**900)).pkcs8()))
    small, large = next_prime(2**1000), next_prime(2**1047 + 2**1046)
    write('modulus-uneven-factors.pem', pem('PRIVATE KEY', of_factors(large, small).pkcs8()))
    write('exponent-1-spki.pem', pem('PUBLIC KEY', k.but(e=1).spki()))
    write('exponent-0-spki.pem', pem('PUBLIC KEY', k.but(e=0).spki()))
    write('exponent-even-spki.pem', pem('PUBLIC KEY', k.but(e=65538).spki()))
    write('exponent-2-31-spki.pem', pem('PUBLIC KEY', k.but(e=2**31 + 1).spki()))
    write('exponent-65535-spki.pem', pem('PUBLIC KEY', k.but(e=65535).spki()))
    write('exponent-2-64-public-pkcs1.der', k.but(e=2**64 + 65537).public())
    write('exponent-private-small.pem', pem('PRIVATE KEY', k.but(d=65537).pkcs8()))
    write('mismatch-d.pem', pem('PRIVATE KEY', k.but(d=k.d + 2).pkcs8()))
    write('mismatch-d-above-n.pem', pem('PRIVATE KEY', k.but(d=k.d + (k.p - 1) * (k.q - 1)).pkcs8()))
    write('mismatch-e.pem', pem('PRIVATE KEY', k.but(e=65539).pkcs8()))
    write('mismatch-dp-pkcs1.pem', pem('RSA PRIVATE KEY', k.but(dp=k.dp + 2).private()))
    write('mismatch-dp-not-reduced.pem', pem('PRIVATE KEY', k.but(dp=k.dp + k.p - 1).pkcs8()))
    write('mismatch-dq-pkcs1.der', k.but(dq=k.dq - 2).private())
    write('mismatch-qinv.pem', pem('PRIVATE KEY', k.but(qi=k.qi + 1).pkcs8()))
    write('mismatch-qinv-zero.pem', pem('PRIVATE KEY', k.but(qi=0).pkcs8()))
    write('mismatch-swapped-primes.pem', pem('PRIVATE KEY', k.but(p=k.q, q=k.p).pkcs8()))
    pseudo = next_prime(7 * 2**509) * next_prime(7 * 2**509 + 2**400)
    while (pseudo - 1) % 65537 == 0:
        pseudo = next_prime(7 * 2**509) * next_prime(pseudo >> 512)
    write('mismatch-composite-prime.pem', pem('PRIVATE KEY', of_factors(k.p, pseudo).pkcs8()))
    write('size-rsa8193-spki.der', k.but(n=2**8192 + 1).spki())
    write('size-modulus-zero-spki.der', k.but(n=0).spki())
    write('malformed-negative-modulus.der', seq(tlv(2, b'\x80' + k.n.to_bytes(256, 'big')[1:]), integer(65537)))
    write('malformed-long-integer.der', seq(tlv(2, b'\0\0' + k.n.to_bytes(256, 'big')), integer(65537)))
    write('malformed-integer-missing.der', seq(integer(0), seq(OID_RSA, NULL), octets(
        seq(*map(integer, [0, k.n, k.e, k.d, k.p, k.q, k.dp, k.dq])))))
    write('malformed-pkcs1-version.pem', pem('RSA PRIVATE KEY', seq(
        *map(integer, [2, k.n, k.e, k.d, k.p, k.q, k.dp, k.dq, k.qi]))))


def bad_structure(k, ed):
    spki, pkcs8 = k.spki(), k.pkcs8()
    seed = ed.private_bytes(s.Encoding.Raw, s.PrivateFormat.Raw, s.NoEncryption())
    point = ed.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
    zero = bytes(32)
    def v2(algorithm, key, public, version=1, extra=b''):
        return seq(integer(version), algorithm, octets(key), extra, tlv(0x81, b'\0' + public))
    rsa_id, ed_id = seq(OID_RSA, NULL), seq(OID_ED25519)
    write('mismatch-public-rsa.pem', pem('PRIVATE KEY', v2(rsa_id, k.private(), k.but(n=k.n + 2).public())))
    write('mismatch-public-ed25519.pem', pem('PRIVATE KEY', v2(ed_id, octets(seed), zero)))
    write('mismatch-public-short.pem', pem('PRIVATE KEY', v2(ed_id, octets(seed), point[:31])))
    write('mismatch-public-empty.pem', pem('PRIVATE KEY', v2(ed_id, octets(seed), b'')))
    write('malformed-version-0-with-public.pem', pem('PRIVATE KEY', v2(ed_id, octets(seed), point, 0)))
    write('malformed-version-1-without-public.pem', pem('PRIVATE KEY', seq(integer(1), ed_id, octets(octets(seed)))))
    write('malformed-version-2.pem', pem('PRIVATE KEY', v2(ed_id, octets(seed), point, 2)))
    write('malformed-attributes.pem', pem('PRIVATE KEY', v2(ed_id, octets(seed), point, extra=tlv(0xa0, octets(b'x')))))
    write('malformed-public-unused-bits.pem', pem('PRIVATE KEY', seq(
        integer(1), ed_id, octets(octets(seed)), tlv(0x81, b'\1' + point))))
    write('malformed-version-negative.pem', pem('PRIVATE KEY', seq(integer(-1), ed_id, octets(octets(seed)))))
    write('malformed-attribute-extra.pem', pem('PRIVATE KEY', v2(ed_id, octets(seed), point, extra=tlv(
        0xa0, seq(oid('1.2.3'), tlv(0x31, b''), NULL)))))
    write('malformed-extra-in-rsapublickey.pem', pem('PUBLIC KEY', seq(rsa_id, bits(
        seq(integer(k.n), integer(k.e), NULL)))))
    write('malformed-extra-in-rsaprivatekey.pem', pem('PRIVATE KEY', seq(integer(0), rsa_id, octets(
        seq(*map(integer, [0, k.n, k.e, k.d, k.p, k.q, k.dp, k.dq, k.qi]), NULL)))))
    write('malformed-null-with-content.der', seq(seq(OID_RSA, tlv(5, b'\0')), bits(k.public())))
    write('algorithm-long.der', seq(seq(oid('1.2' + '.268435455' * 50)), bits(k.public())))
    write('malformed-extra-element.pem', pem('PRIVATE KEY', seq(integer(0), ed_id, octets(octets(seed)), NULL)))
    write('malformed-rsa-parameters.der', seq(seq(OID_RSA, octets(b'')), bits(k.public())))
    write('malformed-rsa-null-twice.der', seq(seq(OID_RSA, NULL, NULL), bits(k.public())))
    write('malformed-ed25519-null.der', seq(seq(OID_ED25519, NULL), bits(point)))
    write('malformed-ed25519-31-bytes.pem', pem('PRIVATE KEY', seq(integer(0), ed_id, octets(octets(seed[:31])))))
    write('malformed-ed25519-bare-seed.pem', pem('PRIVATE KEY', seq(integer(0), ed_id, octets(seed))))
    write('malformed-ed25519-point-33.der', seq(ed_id, bits(point + b'\0')))
    write('malformed-unused-bits.der', seq(rsa_id, tlv(3, b'\1' + k.public()[:-1] + b'\0')))
    write('malformed-length-not-minimal.der', b'\x30\x83\0' + spki[2:4] + spki[4:])
    write('malformed-indefinite.der', b'\x30\x80' + spki[4:] + b'\0\0')
    write('malformed-truncated.der', spki[:-1])
    write('malformed-empty-oid.der', seq(seq(b'\6\0', NULL), bits(k.public())))
    write('algorithm-unknown.der', seq(seq(oid('1.3.6.1.4.1.9999'), NULL), bits(k.public())))
    write('algorithm-mlkem768.der', seq(seq(oid('2.16.840.1.101.3.4.4.2')), bits(bytes(1184))))
    write('trailing-byte.der', spki + b'\0')
    write('trailing-newline.der', pkcs8 + b'\n')
    write('trailing-in-pkcs8.pem', pem('PRIVATE KEY', seq(integer(0), rsa_id, octets(k.private() + b'\0'))))
    write('trailing-in-spki.pem', pem('PUBLIC KEY', seq(rsa_id, bits(k.public() + b'\0'))))
    write('trailing-in-pem.pem', pem('PUBLIC KEY', spki + b'\0'))
    write('trailing-in-ed25519.pem', pem('PRIVATE KEY', seq(integer(0), ed_id, octets(octets(seed) + b'\0'))))
    write('trailing-two-der.der', spki + spki)
    write('form-sequence.der', seq(NULL, NULL))
    write('form-empty-sequence.der', seq())
    write('form-short-pkcs1.der', seq(*map(integer, [0, k.n, k.e, k.d, k.p])))


def bad_pem(k):
    good = pem('PRIVATE KEY', k.pkcs8())
    lines = good.split('\n')
    write('trailing-text.pem', good + 'text\n')
    write('malformed-end-dashes.pem', good.rstrip('\n') + '-\n')
    write('malformed-no-end.pem', '\n'.join(lines[:-2]) + '\n')
    write('malformed-other-end.pem', good.replace('END PRIVATE', 'END PUBLIC'))
    write('malformed-end-in-line.pem', good.replace('\n-----END', '-----END'))
    write('malformed-begin-in-line.pem', 'key: ' + good)
    write('malformed-begin-in-text.pem', 'see -----BEGIN PRIVATE KEY-----\n' + good)
    write('malformed-end-before.pem', '-----END PRIVATE KEY-----\n' + good)
    write('malformed-bom.pem', '\ufeff' + good)
    write('malformed-begin-twice.pem', lines[0] + '\n' + good)
    write('malformed-begin-dashes.pem', good.replace('KEY-----\n', 'KEY----\n', 1))
    write('malformed-base64.pem', good.replace(lines[3], lines[3][:-1] + '*'))
    write('malformed-base64-url.pem', good.replace(lines[3], lines[3][:-1] + '_'))
    write('malformed-base64-space.pem', good.replace(lines[3], lines[3][:20] + ' ' + lines[3][20:]))
    padded = pem('PUBLIC KEY', seq(seq(OID_ED25519), bits(bytes(32))))
    write('malformed-base64-after-padding.pem', padded.replace('\n-----END', '\nAAAA\n-----END'))
    write('malformed-base64-no-padding.pem', padded.replace('=\n', '\n'))
    write('malformed-header.pem', lines[0] + '\nComment: key\n\n' + '\n'.join(lines[1:]))
    write('malformed-empty.pem', lines[0] + '\n' + lines[-2] + '\n')
    write('form-label-public.pem', good.replace('PRIVATE', 'PUBLIC'))
    write('form-label-pkcs1.pem', good.replace('PRIVATE', 'RSA PRIVATE'))
    write('form-label-pkcs8.pem', pem('PRIVATE KEY', k.private()))
    write('form-label-encrypted.pem', good.replace('PRIVATE', 'ENCRYPTED PRIVATE'))
    write('form-label-spki.pem', pem('PUBLIC KEY', k.public()))
    write('form-label-rsa-public.pem', pem('RSA PUBLIC KEY', k.spki()))
    write('form-label-unknown.pem', good.replace('PRIVATE', 'SPLENDID'))
    write('form-label-lower.pem', good.replace('PRIVATE KEY', 'private key'))
    write('several-three.pem', good * 3)
    write('nokey-text.txt', 'This is not a key.\n')
    write('nokey-ssh-words.txt', 'Start ssh-agent before ssh-add, and use no ssh-dss.\n')
    write('nokey-empty.pem', '')
    write('nokey-space.pem', ' \n\t\n')


def bad_jwk(k, ed):
    public = {'kty': 'RSA', 'n': uint(k.n), 'e': 'AQAB'}
    private = dict(public, d=uint(k.d), p=uint(k.p), q=uint(k.q), dp=uint(k.dp), dq=uint(k.dq), qi=uint(k.qi))
    seed = ed.private_bytes(s.Encoding.Raw, s.PrivateFormat.Raw, s.NoEncryption())
    point = ed.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
    okp = {'kty': 'OKP', 'crv': 'Ed25519', 'x': b64u(point)}

    def but(base, **kw): return json.dumps({name: v for name, v in dict(base, **kw).items() if v is not None})
    text = json.dumps(public)
    write('malformed-duplicate.jwk', text[:-1] + ', "e": "AQAB"}')
    write('malformed-duplicate-escaped.jwk', text[:-1] + ', "\\u0065": "AQAB"}')
    write('malformed-no-kty.jwk', but(public, kty=None))
    write('malformed-kty-case.jwk', but(public, kty=None, KTY='RSA'))
    write('malformed-kty-null.jwk', json.dumps(dict(public, kty=None)))
    write('malformed-kty-number.jwk', but(public, kty=1))
    write('malformed-no-n.jwk', but(public, n=None))
    write('malformed-n-array.jwk', but(public, n=['AQAB']))
    write('malformed-n-null.jwk', json.dumps(dict(public, n=None)))
    write('malformed-d-alone.jwk', but(public, d=uint(k.d)))
    write('malformed-no-d.jwk', but(private, d=None))
    write('malformed-no-qi.jwk', but(private, qi=None))
    write('malformed-leading-zero.jwk', but(public, n=b64u(b'\0' + k.n.to_bytes(256, 'big'))))
    write('malformed-zero-octet.jwk', but(public, e='AA'))
    write('malformed-empty-e.jwk', but(public, e=''))
    write('malformed-padding.jwk', but(public, e='AQAB' + '===='))
    write('malformed-padded-n.jwk', but(public, n=uint(k.n) + '=='))
    write('malformed-loose-bits.jwk', but(okp, x=b64u(point)[:-1] + chr(ord(b64u(point)[-1]) + 1)))
    write('malformed-standard-alphabet.jwk', but(okp, x=base64.b64encode(b'\xfb' * 32).decode().rstrip('=')))
    write('malformed-newline-in-base64.jwk', but(public, n=uint(k.n)[:64] + '\n' + uint(k.n)[64:]))
    write('malformed-x-31-bytes.jwk', but(okp, x=b64u(point[:31])))
    write('malformed-d-33-bytes.jwk', but(okp, d=b64u(seed + b'\0')))
    write('malformed-no-x.jwk', but(okp, x=None, d=b64u(seed)))
    write('malformed-no-crv.jwk', but(okp, crv=None))
    write('malformed-not-utf8.jwk', text[:-1].encode() + b', "kid": "\xff"}')
    write('malformed-comment.jwk', text[:-1] + ' /* key */ }')
    write('malformed-comma.jwk', text[:-1] + ',}')
    write('malformed-truncated.jwk', text[:-1])
    write('malformed-alg-number.jwk', but(public, alg=256))
    write('mismatch-ed25519.jwk', but(okp, d=b64u(seed), x=b64u(bytes(32))))
    write('mismatch-d.jwk', but(private, d=uint(k.d - 2)))
    write('mismatch-dp.jwk', but(private, dp=uint(k.dp + 2)))
    write('modulus-not-the-product.jwk', but(private, p=uint(k.p + 2)))
    write('exponent-3.jwk', but(public, e='Aw'))
    write('size-1024.jwk', but(public, n=uint(k.n >> 1024 | 1)))
    write('several-set.jwk', json.dumps({'keys': [public]}))
    write('several-lines.jwk', text + '\n' + text + '\n')
    write('trailing-text.jwk', text + ' x')
    write('algorithm-oth.jwk', but(private, oth=[{'r': 'AQAB', 'd': 'AQAB', 't': 'AQAB'}]))
    for alg in ('PS256', 'PS384', 'PS512', 'ES256', 'EdDSA'):
        write('algorithm-rsa-%s.jwk' % alg, but(public, alg=alg))
    write('algorithm-okp-RS256.jwk', but(okp, alg='RS256'))
    write('algorithm-kty-lower.jwk', but(public, kty='rsa'))
    write('algorithm-ed448.jwk', but(okp, crv='Ed448'))
    write('algorithm-mldsa.jwk', json.dumps({'kty': 'AKP', 'alg': 'ML-DSA-65', 'pub': 'AAAA'}))


def bad_ssh(k, ed):
    point = ed.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
    good = ssh(b'ssh-rsa', mpint(k.e), mpint(k.n))
    write('malformed-names.pub', line('ssh-ed25519', good))
    write('malformed-unpadded.pub', line('ssh-ed25519', ssh(b'ssh-ed25519', point)).replace('\n', '='))
    write('malformed-no-base64.pub', 'ssh-rsa\n')
    write('malformed-two-spaces.pub', line('ssh-rsa ', good))
    write('algorithm-tab.pub', line('ssh-rsa', good).replace(' ', '\t'))
    write('malformed-mpint-zero.pub', line('ssh-rsa', ssh(b'ssh-rsa', b'\0' + mpint(k.e), mpint(k.n))))
    write('malformed-mpint-negative.pub', line('ssh-rsa', ssh(b'ssh-rsa', mpint(k.e), mpint(k.n)[1:])))
    write('malformed-mpint-empty.pub', line('ssh-rsa', ssh(b'ssh-rsa', b'', mpint(k.n))))
    write('malformed-length.pub', line('ssh-rsa', good[:-1]))
    write('malformed-huge-length.pub', line('ssh-rsa', b'\xff\xff\xff\xff' + good[4:]))
    write('malformed-point-31.pub', line('ssh-ed25519', ssh(b'ssh-ed25519', point[:31])))
    write('trailing-in-wire.pub', line('ssh-rsa', good + b'\0'))
    write('trailing-line.pub', line('ssh-rsa', good) + 'text\n')
    write('exponent-even.pub', line('ssh-rsa', ssh(b'ssh-rsa', mpint(65538), mpint(k.n))))
    write('modulus-even.pub', line('ssh-rsa', ssh(b'ssh-rsa', mpint(k.e), mpint(k.n - 1))))
    write('algorithm-sk.pub', line('sk-ssh-ed25519@openssh.com', ssh(b'sk-ssh-ed25519@openssh.com', point, b'ssh:')))
    write('algorithm-unknown.pub', line('ssh-splendid', ssh(b'ssh-splendid', point)))
    write('form-known-hosts.pub', 'example.org ' + line('ssh-rsa', good))


def oid(text):
    first, second, *rest = map(int, text.split('.'))
    out = bytes([first * 40 + second])
    for arc in rest:
        part = [arc & 127]
        while arc := arc >> 7:
            part.append(arc & 127 | 128)
        out += bytes(reversed(part))
    return tlv(6, out)


PKCS5, NIST_AES = '1.2.840.113549.1.5.', '2.16.840.1.101.3.4.1.'


def pbkdf2(salt=bytes(16), iterations=2048, size=None, prf=seq(oid('1.2.840.113549.2.9'), NULL), extra=b''):
    size = b'' if size is None else integer(size)
    return seq(oid(PKCS5 + '12'), seq(octets(salt), integer(iterations), size, prf, extra))


def scrypt(n, r, p, salt=bytes(16), size=None, extra=b''):
    size = b'' if size is None else integer(size)
    return seq(oid('1.3.6.1.4.1.11591.4.11'), seq(octets(salt), integer(n), integer(r), integer(p), size, extra))


def bad_encrypted():
    aes = seq(oid(NIST_AES + '42'), octets(bytes(16)))

    def out(name, kdf=pbkdf2(), cipher=aes, sealed=bytes(1232), scheme=PKCS5 + '13', extra=b''):
        write(name, seq(seq(oid(scheme), seq(kdf, cipher, extra)), octets(sealed)))
    out('encryption-unknown-scheme.der', scheme='1.3.6.1.4.1.9999')
    out('encryption-unknown-kdf.der', kdf=seq(oid('1.3.6.1.4.1.9999'), seq()))
    out('encryption-unknown-cipher.der', cipher=seq(oid(NIST_AES + '46'), octets(bytes(16))))
    out('encryption-aes-ecb.der', cipher=seq(oid(NIST_AES + '41')))
    out('encryption-unknown-prf.der', kdf=pbkdf2(prf=seq(oid('1.2.840.113549.2.6'), NULL)))
    out('encryption-other-salt.der', kdf=seq(oid(PKCS5 + '12'), seq(seq(oid('1.2.3')), integer(2048))))
    out('limit-iterations-0.der', kdf=pbkdf2(iterations=0))
    out('limit-iterations-2-32.der', kdf=pbkdf2(iterations=2**32 + 1))
    out('limit-iterations-2-64.der', kdf=pbkdf2(iterations=2**64 + 1))
    out('limit-iterations-2-4000.der', kdf=pbkdf2(iterations=2**4000))
    out('limit-salt-7.der', kdf=pbkdf2(salt=bytes(7)))
    out('limit-salt-129.der', kdf=pbkdf2(salt=bytes(129)))
    out('limit-salt-empty.der', kdf=scrypt(16384, 8, 1, salt=b''))
    for n, r, p in [(2**22, 8, 1), (2**18, 8, 16), (2, 1, 2**23), (2, 2**22, 1), (2, 1, 2**21), (2**63, 2**63, 2**63),
                    (2**64, 8, 1), (2**14, 2**60, 1), (2**14, 8, 2**61), (2**32, 2**32, 1), (2**63, 8, 1), (2, 2**63, 1),
                    (2, 1, 2**63), (2**63, 1, 2**63), (2**15, 8, 64), (2**22, 1, 4)]:
        out('limit-scrypt-%d-%d-%d.der' % (n.bit_length(), r.bit_length(), p.bit_length()), kdf=scrypt(n, r, p))
    for n, r, p in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (16385, 8, 1), (16384, 0, 1), (16384, 8, 0), (65536, 1, 1)]:
        out('malformed-scrypt-%d-%d-%d.der' % (n, r, p), kdf=scrypt(n, r, p))
    out('malformed-negative-iterations.der', kdf=pbkdf2(iterations=-1))
    out('malformed-key-size-16.der', kdf=pbkdf2(size=16))
    out('malformed-key-size-0.der', kdf=pbkdf2(size=0))
    out('malformed-key-size-scrypt.der', kdf=scrypt(16384, 8, 1, size=16))
    out('malformed-kdf-extra.der', kdf=pbkdf2(extra=NULL))
    out('malformed-prf-parameters.der', kdf=pbkdf2(prf=seq(oid('1.2.840.113549.2.9'), octets(b''))))
    out('malformed-iv-15.der', cipher=seq(oid(NIST_AES + '42'), octets(bytes(15))))
    out('malformed-iv-missing.der', cipher=seq(oid(NIST_AES + '42')))
    out('malformed-cipher-extra.der', cipher=seq(oid(NIST_AES + '42'), octets(bytes(16)), NULL))
    out('malformed-pbes2-extra.der', extra=NULL)
    out('malformed-kdf-id-extra.der', kdf=seq(oid(PKCS5 + '12'), seq(octets(bytes(16)), integer(2048)), NULL))
    out('malformed-scrypt-extra.der', kdf=scrypt(16384, 8, 1, size=32, extra=NULL))
    write('malformed-scheme-extra.der', seq(seq(oid(PKCS5 + '13'), seq(pbkdf2(), aes), NULL), octets(bytes(1232))))
    out('malformed-ciphertext-empty.der', sealed=b'')
    out('malformed-ciphertext-17.der', sealed=bytes(17))


def bad():
    k = Numbers(load('openssl-rsa2048-pkcs8.pem'))
    ed = load('openssl-ed25519-pkcs8.pem')
    bad_rsa(k)
    bad_structure(k, ed)
    bad_pem(k)
    bad_jwk(k, ed)
    bad_ssh(k, ed)
    bad_encrypted()


{'good': good, 'bad': bad, 'spki': lambda: spki(sys.argv[2])}[sys.argv[1]]()
