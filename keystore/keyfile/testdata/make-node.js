// JWKs as Node and WebCrypto write them; and the SPKI of a JWK, for comparison.
const crypto = require('crypto');
const fs = require('fs');

async function main() {
  if (process.argv[2] === 'spki') {
    const jwk = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'));
    const key = jwk.d ? crypto.createPublicKey(crypto.createPrivateKey({ key: jwk, format: 'jwk' }))
      : crypto.createPublicKey({ key: jwk, format: 'jwk' });
    process.stdout.write(key.export({ type: 'spki', format: 'der' }));
    return;
  }
  const write = (name, value) => fs.writeFileSync(name, JSON.stringify(value, null, 2) + '\n');
  for (const [name, type, options] of [['rsa2048', 'rsa', { modulusLength: 2048 }], ['ed25519', 'ed25519', {}]]) {
    const { privateKey, publicKey } = crypto.generateKeyPairSync(type, options);
    write(`node-${name}-private.jwk`, privateKey.export({ format: 'jwk' }));
    write(`node-${name}-public.jwk`, publicKey.export({ format: 'jwk' }));
  }
  const pair = await crypto.webcrypto.subtle.generateKey({
    name: 'RSA-OAEP', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256',
  }, true, ['encrypt', 'decrypt']);
  write('webcrypto-rsa2048-private.jwk', await crypto.webcrypto.subtle.exportKey('jwk', pair.privateKey));
  write('webcrypto-rsa2048-public.jwk', await crypto.webcrypto.subtle.exportKey('jwk', pair.publicKey));
  const pss = await crypto.webcrypto.subtle.generateKey({
    name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256',
  }, true, ['sign', 'verify']);
  write('../bad/algorithm-pss.jwk', await crypto.webcrypto.subtle.exportKey('jwk', pss.privateKey));
  const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  write('../bad/algorithm-ec.jwk', ec.privateKey.export({ format: 'jwk' }));
  const x = crypto.generateKeyPairSync('x25519');
  write('../bad/algorithm-x25519.jwk', x.publicKey.export({ format: 'jwk' }));
  write('../bad/algorithm-oct.jwk', crypto.createSecretKey(crypto.randomBytes(32)).export({ format: 'jwk' }));
}
main();
