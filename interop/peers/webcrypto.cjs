// Answers for Node's WebCrypto. It knows SPKI, PKCS#8 and JWK.
'use strict';
const { createHash, webcrypto } = require('node:crypto');
const { serve } = require('./serve.cjs');
const { subtle } = webcrypto;

const HASHES = { sha1: 'SHA-1', sha256: 'SHA-256' };
const FORMS = { 'pkcs8-der': 'pkcs8', 'spki-der': 'spki', jwk: 'jwk' };

function algorithm(kind, hash) {
  return kind === 'ed25519' ? { name: 'Ed25519' } : { name: 'RSA-OAEP', hash: HASHES[hash || 'sha256'] };
}

const imported = new Map();
async function load({ key, form, kind, hash }, uses) {
  const id = [form, kind, hash, uses, createHash('sha256').update(key).digest('hex')].join();
  if (!imported.has(id)) {
    const data = form === 'jwk' ? JSON.parse(key.toString()) : key;
    imported.set(id, await subtle.importKey(FORMS[form], data, algorithm(kind, hash), true, uses));
  }
  return imported.get(id);
}

async function write(key, to) {
  const out = await subtle.exportKey(FORMS[to], key);
  return to === 'jwk' ? Buffer.from(JSON.stringify(out)) : new Uint8Array(out);
}

const privateUse = (kind) => (kind === 'ed25519' ? ['sign'] : ['decrypt']);
const publicUse = (kind) => (kind === 'ed25519' ? ['verify'] : ['encrypt']);

serve('WebCrypto', {
  async generate({ kind, bits, to }) {
    const a = { ...algorithm(kind), modulusLength: bits, publicExponent: new Uint8Array([1, 0, 1]) };
    const pair = await subtle.generateKey(a, true, [...privateUse(kind), ...publicUse(kind)]);
    return write(pair.privateKey, to);
  },
  private: async (args) => write(await load(args, privateUse(args.kind)), args.to),
  // public imports the public half alone, which WebCrypto reads out of a JWK.
  async public(args) {
    const jwk = JSON.parse((await write(await load(args, privateUse(args.kind)), 'jwk')).toString());
    const { kty, n, e, crv, x } = jwk;
    const half = { key: Buffer.from(JSON.stringify({ kty, n, e, crv, x })), form: 'jwk', kind: args.kind };
    return write(await load(half, publicUse(args.kind)), args.to);
  },
  rewrite_public: async (args) => write(await load(args, publicUse(args.kind)), args.to),
  // thumbprint is that of RFC 7638, of the members that section 3.2 and RFC 8037 name.
  async thumbprint(args) {
    const jwk = JSON.parse((await write(await load(args, publicUse(args.kind)), 'jwk')).toString());
    const { crv, e, kty, n, x } = jwk;
    const members = args.kind === 'ed25519' ? { crv, kty, x } : { e, kty, n };
    return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
  },
  encrypt: async (args) =>
    new Uint8Array(await subtle.encrypt(algorithm('rsa', args.hash), await load(args, ['encrypt']), args.msg)),
  decrypt: async (args) =>
    new Uint8Array(await subtle.decrypt(algorithm('rsa', args.hash), await load(args, ['decrypt']), args.ciphertext)),
  sign: async (args) => new Uint8Array(await subtle.sign('Ed25519', await load({ ...args, kind: 'ed25519' }, ['sign']), args.msg)),
  async verify(args) {
    const key = await load({ ...args, kind: 'ed25519' }, ['verify']);
    if (!(await subtle.verify('Ed25519', key, args.sig, args.msg))) throw new Error('bad signature');
    return true;
  },
});
