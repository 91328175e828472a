// A client in another language, from docs/inference.md alone: node client.mjs SOCKET|PORT WINDOW_ID...
// Prints the reply of predict_batch as JSON, floats as the hex of their eight bytes.
import net from "node:net";

const parts = [];
const put = (...bytes) => parts.push(Buffer.from(bytes));
function encode(value) {
  if (value === null) put(0xc0);
  else if (typeof value === "number") {
    const b = Buffer.alloc(5); b[0] = 0xd2; b.writeInt32BE(value, 1); parts.push(b);
  } else if (typeof value === "string") {
    const text = Buffer.from(value), b = Buffer.alloc(5); b[0] = 0xdb; b.writeUInt32BE(text.length, 1);
    parts.push(b, text);
  } else if (Array.isArray(value)) {
    const b = Buffer.alloc(5); b[0] = 0xdd; b.writeUInt32BE(value.length, 1); parts.push(b); value.forEach(encode);
  } else {
    const entries = Object.entries(value), b = Buffer.alloc(5); b[0] = 0xdf; b.writeUInt32BE(entries.length, 1);
    parts.push(b); entries.forEach(([k, v]) => { encode(k); encode(v); });
  }
}
function frame(message) {
  parts.length = 0; encode(message);
  const payload = Buffer.concat(parts), header = Buffer.alloc(4); header.writeUInt32BE(payload.length);
  return Buffer.concat([header, payload]);
}
function decode(b) {
  let at = 0;
  const take = (n) => { at += n; return b.subarray(at - n, at); };
  const many = (n, f) => Array.from({ length: n }, f);
  const text = (n) => take(n).toString("utf8");
  const map = (n) => Object.fromEntries(many(n, () => [one(), one()]));
  function one() {
    const t = take(1)[0];
    if (t < 0x80) return t;
    if (t < 0x90) return map(t & 15);
    if (t < 0xa0) return many(t & 15, one);
    if (t < 0xc0) return text(t & 31);
    switch (t) {
      case 0xc0: return null; case 0xc2: return false; case 0xc3: return true;
      case 0xcb: return take(8).toString("hex");
      case 0xcc: return take(1)[0]; case 0xcd: return take(2).readUInt16BE(); case 0xce: return take(4).readUInt32BE();
      case 0xd9: return text(take(1)[0]); case 0xda: return text(take(2).readUInt16BE()); case 0xdb: return text(take(4).readUInt32BE());
      case 0xdc: return many(take(2).readUInt16BE(), one); case 0xdd: return many(take(4).readUInt32BE(), one);
      case 0xde: return map(take(2).readUInt16BE()); case 0xdf: return map(take(4).readUInt32BE());
      default: if (t >= 0xe0) return t - 256; throw new Error(`type ${t.toString(16)}`);
    }
  }
  return one();
}

const [where, ...ids] = process.argv.slice(2);
const socket = /^\d+$/.test(where) ? net.connect(Number(where), "127.0.0.1") : net.connect(where);
let held = Buffer.alloc(0), welcomed = false;
socket.write(frame({ hello: "nextgen", versions: [1] }));
socket.on("data", (chunk) => {
  held = Buffer.concat([held, chunk]);
  while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
    const n = held.readUInt32BE(), message = decode(held.subarray(4, 4 + n));
    held = held.subarray(4 + n);
    if (!welcomed) {
      if (message.welcome !== "nextgen" || message.version !== 1) throw new Error(JSON.stringify(message));
      welcomed = true;
      socket.write(frame({ id: 7, method: "predict_batch", params: { window_ids: ids } }));
    } else { console.log(JSON.stringify(message)); socket.end(); }
  }
});
socket.on("error", (error) => { console.error(String(error)); process.exit(1); });
