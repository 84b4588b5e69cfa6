// Writes forge.jsonl: what Forge's AES-CFB makes of messages of 0 to 49 bytes,
// once in one update and once in several. Nothing here is random.
//
//   npm install --no-save node-forge@1.4.3
//   node forge.js > forge.jsonl
'use strict';
const crypto = require('node:crypto');
const forge = require('node-forge');

// bytes are SHA-256 of the label, as often as needed.
function bytes(label, n) {
  let all = Buffer.alloc(0);
  for (let i = 0; all.length < n; i++) {
    all = Buffer.concat([all, crypto.createHash('sha256').update(`${label} ${i}`).digest()]);
  }
  return all.subarray(0, n);
}

function seal(key, iv, plaintext, step) {
  const cipher = forge.cipher.createCipher('AES-CFB', key.toString('binary'));
  cipher.start({ iv: iv.toString('binary') });
  for (let i = 0; i < plaintext.length; i += step) {
    cipher.update(forge.util.createBuffer(plaintext.subarray(i, i + step).toString('binary')));
  }
  if (!cipher.finish()) throw new Error('forge refused');
  return Buffer.from(cipher.output.getBytes(), 'binary');
}

for (const keySize of [16, 32]) {
  for (let n = 0; n < 50; n++) {
    const key = bytes(`key ${keySize} ${n}`, keySize);
    const iv = bytes(`iv ${keySize} ${n}`, 16);
    const plaintext = bytes(`plaintext ${keySize} ${n}`, n);
    for (const step of [50, 7]) {
      const ciphertext = seal(key, iv, plaintext, step);
      console.log(JSON.stringify({
        key: key.toString('hex'), iv: iv.toString('hex'), update: step,
        plaintext: plaintext.toString('hex'), ciphertext: ciphertext.toString('hex'),
      }));
    }
  }
}
