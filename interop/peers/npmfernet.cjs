// Answers for npm's fernet. It takes and gives text only.
'use strict';
const { serve } = require('./serve.cjs');
const fernet = require('fernet');

const options = ({ key, ttl }) => {
  const o = { secret: new fernet.Secret(key) };
  if (ttl !== undefined && ttl !== null) o.ttl = ttl;
  return o;
};

serve(`fernet ${require('fernet/package.json').version}`, {
  // at is in whole seconds; without it, the present.
  fernet_encrypt({ key, text, at }) {
    const o = options({ key });
    if (at) o.time = new Date(at * 1000).toISOString();
    return new fernet.Token(o).encode(text);
  },
  // Without a ttl the library takes its own, 60 seconds; 0 is none.
  fernet_decrypt({ key, token, ttl }) {
    return new fernet.Token({ ...options({ key, ttl }), token }).decode();
  },
});
