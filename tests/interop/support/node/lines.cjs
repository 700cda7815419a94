// A peer connection of Node.js that takes commands and reports, as JSON lines; see reports.py.
"use strict";

const { createHash } = require("node:crypto");
const readline = require("node:readline");

function report(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
}

function message(label, data) {
  const bytes = Buffer.from(data);
  report("message", {
    label,
    text: typeof data === "string",
    size: bytes.length,
    head: bytes.subarray(0, 32).toString("hex"),
    digest: createHash("sha256").update(bytes).digest("hex"),
  });
}

function content(command) {
  return command.text === undefined ? Buffer.from(command.data, "hex") : command.text;
}

// What comes as media goes back as it came, in the stream of ours.
function echoed(packet, ssrc) {
  const copy = Buffer.from(packet);
  copy.writeUInt32BE(ssrc, 8);
  return copy;
}

function isRtp(packet) {
  return packet.length > 12 && packet[0] >> 6 === 2 && !(packet[1] >= 192 && packet[1] <= 223);
}

function serve(commands, close) {
  const lines = readline.createInterface({ input: process.stdin });
  let last = Promise.resolve();
  lines.on("line", (line) => {
    const command = JSON.parse(line);
    last = last
      .then(() => commands[command.do](command))
      .catch((error) => report("error", { error: String(error.stack) }));
  });
  lines.on("close", () => last.then(close).then(() => process.exit(0)));
}

module.exports = { content, echoed, isRtp, message, report, serve };
