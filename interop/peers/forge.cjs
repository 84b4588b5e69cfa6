// Answers for node-forge. Its strings are binary: a character a byte.
'use strict';
const { serve } = require('./serve.cjs');
const forge = require('node-forge');
const { pki } = forge;

const binary = (bytes) => bytes.toString('binary');
const octets = (string) => Buffer.from(string, 'binary');
const text = (key) => key.toString('latin1');

const privateKeys = new Map();
function privateKey(key) {
  const pem = text(key);
  if (!privateKeys.has(pem)) privateKeys.set(pem, pki.privateKeyFromPem(pem));
  return privateKeys.get(pem);
}

// seal writes an encrypted PKCS#8, in each of the two ways that Forge has.
function seal(key, passphrase, scheme) {
  const [how, algorithm, prf] = scheme.split('/');
  const options = { algorithm, count: 2048, prfAlgorithm: prf };
  if (how === 'rsa') return pki.encryptRsaPrivateKey(key, binary(passphrase), options);
  const info = pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key));
  return pki.encryptedPrivateKeyToPem(pki.encryptPrivateKeyInfo(info, binary(passphrase), options));
}

const writePublic = (key, to) => octets(to === 'pkcs1-pem' ? pki.publicKeyToRSAPublicKeyPem(key) : pki.publicKeyToPem(key));

function writePrivate(key, to) {
  if (to === 'pkcs1-pem') return octets(pki.privateKeyToPem(key));
  return octets(pki.privateKeyInfoToPem(pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key))));
}

// oaep leaves SHA-1 to the default, as most callers do.
const oaep = (hash) => (hash === 'sha1' ? undefined : { md: forge.md[hash].create() });

function cfb(cipher, iv, chunks) {
  cipher.start({ iv: binary(iv) });
  for (const chunk of chunks) cipher.update(forge.util.createBuffer(binary(chunk)));
  if (!cipher.finish()) throw new Error('forge did not finish');
  return octets(cipher.output.getBytes());
}

serve(`node-forge ${require('node-forge/package.json').version}`, {
  generate: ({ bits, to }) => writePrivate(pki.rsa.generateKeyPair({ bits, e: 65537 }).privateKey, to),
  private({ key, to, passphrase, seal: sealing, scheme }) {
    let k;
    if (passphrase) k = pki.decryptRsaPrivateKey(text(key), binary(passphrase));
    else k = privateKey(key);
    if (!k) throw new Error('wrong passphrase');
    return sealing ? octets(seal(k, sealing, scheme)) : writePrivate(k, to);
  },
  public({ key, to }) {
    const { n, e } = privateKey(key);
    return writePublic(pki.setRsaPublicKey(n, e), to);
  },
  rewrite_public: ({ key, to }) => writePublic(pki.publicKeyFromPem(text(key)), to),
  encrypt: ({ key, hash, msg }) => octets(pki.publicKeyFromPem(text(key)).encrypt(binary(msg), 'RSA-OAEP', oaep(hash))),
  decrypt: ({ key, hash, ciphertext }) => octets(privateKey(key).decrypt(binary(ciphertext), 'RSA-OAEP', oaep(hash))),

  cfb_seal: ({ key, iv, chunks }) => cfb(forge.cipher.createCipher('AES-CFB', binary(key)), iv, chunks),
  cfb_open: ({ key, iv, chunks }) => cfb(forge.cipher.createDecipher('AES-CFB', binary(key)), iv, chunks),
  cfb_seal_text: ({ key, iv, text: s }) =>
    cfb(forge.cipher.createCipher('AES-CFB', binary(key)), iv, [octets(forge.util.encodeUtf8(s))]),
});
