// Keys as Forge writes them: PEM with CRLF.
const forge = require('node-forge');
const fs = require('fs');
const pass = 'correct horse battery staple';
const pair = process.argv[2] === 'good' && forge.pki.rsa.generateKeyPair(2048);
if (process.argv[2] === 'good') {
  const info = forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(pair.privateKey));
  const encrypted = (options) => forge.pki.encryptedPrivateKeyToPem(forge.pki.encryptPrivateKeyInfo(info, pass, options));
  const out = {
    'forge-rsa2048-pkcs1.pem': forge.pki.privateKeyToPem(pair.privateKey),
    'forge-rsa2048-pkcs8.pem': forge.pki.privateKeyInfoToPem(info),
    'forge-rsa2048-spki.pem': forge.pki.publicKeyToPem(pair.publicKey),
    'forge-rsa2048-public-pkcs1.pem': forge.pki.publicKeyToRSAPublicKeyPem(pair.publicKey),
    'forge-rsa2048-ssh.pub': forge.ssh.publicKeyToOpenSSH(pair.publicKey, 'forge comment'),
    'forge-rsa2048-aes128.pem': encrypted({ algorithm: 'aes128' }),
    'forge-rsa2048-aes256-sha256.pem': encrypted({ algorithm: 'aes256', prfAlgorithm: 'sha256', count: 10000 }),
    'forge-rsa2048-aes192-sha512.pem': encrypted({ algorithm: 'aes192', prfAlgorithm: 'sha512', saltSize: 16 }),
    'forge-rsa2048-encryptRsa.pem': forge.pki.encryptRsaPrivateKey(pair.privateKey, pass, { algorithm: 'aes256' }),
  };
  for (const [name, text] of Object.entries(out)) fs.writeFileSync(name, text);
} else {
  const key = forge.pki.privateKeyFromPem(fs.readFileSync('../good/forge-rsa2048-pkcs1.pem', 'utf8'));
  const info = forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key));
  fs.writeFileSync('encryption-forge-3des.pem',
    forge.pki.encryptedPrivateKeyToPem(forge.pki.encryptPrivateKeyInfo(info, pass, { algorithm: '3des' })));
}
