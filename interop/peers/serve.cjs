// Answers requests: a JSON request a line, a JSON answer a line. Bytes travel as
// {"b64": ...}. What a library refuses it throws, and is answered as {"refused": ...};
// a mistake of the program around it (an unknown operation, a TypeError) as {"error": ...}.
'use strict';
const readline = require('node:readline');

const decode = (_, v) => (v && typeof v === 'object' && typeof v.b64 === 'string' ? Buffer.from(v.b64, 'base64') : v);

function encode(key, value) {
  const raw = this[key];
  return raw instanceof Uint8Array ? { b64: Buffer.from(raw).toString('base64') } : value;
}

async function answer(ops, line) {
  try {
    const { op, args } = JSON.parse(line, decode);
    if (!ops[op]) return { error: `no operation ${op}` };
    return { result: await ops[op](args) };
  } catch (e) {
    if (e instanceof TypeError || e instanceof ReferenceError) return { error: String(e.stack) };
    return { refused: `${e.name}: ${e.message}` };
  }
}

exports.serve = async function serve(name, ops) {
  const say = (value) => process.stdout.write(JSON.stringify(value, encode) + '\n');
  say({ result: `${name}, Node ${process.versions.node}` });
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    say(await answer(ops, line));
  }
};
