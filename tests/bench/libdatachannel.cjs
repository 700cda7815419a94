// Two peers of libdatachannel in one process: bulk one way, then round trips; see bench_channel.py.
"use strict";

const { PeerConnection, cleanup } = require("node-datachannel");

const BLOCK = Buffer.alloc(16 * 1024);
const BLOCKS = 4000;
const HIGH_WATER = 1 << 20;
const SMALL = Buffer.alloc(100);
const ROUND_TRIPS = Number(process.argv[2]);

const config = { iceServers: [], bindAddress: "127.0.0.1" };
const left = new PeerConnection("left", config);
const right = new PeerConnection("right", config);
for (const [one, other] of [[left, right], [right, left]]) {
  one.onLocalDescription((sdp, type) => other.setRemoteDescription(sdp, type));
  one.onLocalCandidate((candidate, mid) => other.addRemoteCandidate(candidate, mid));
}

let began;
function start() {
  began = { wall: process.hrtime.bigint(), cpu: process.cpuUsage() };
}
function each(count) {
  const cpu = process.cpuUsage(began.cpu);
  const wall = Number(process.hrtime.bigint() - began.wall) / 1000;
  return { wall: wall / count, cpu: (cpu.user + cpu.system) / count };
}

const found = {};
let received = 0;
let returned = 0;
let far;
right.onDataChannel((channel) => {
  far = channel; // or it is collected
  channel.onMessage((data) => {
    if (data.length === SMALL.length) {
      channel.sendMessageBinary(Buffer.from(data));
    } else if (++received === BLOCKS) {
      found.bulk = each(BLOCKS);
      start();
      near.sendMessageBinary(SMALL);
    }
  });
});

const near = left.createDataChannel("bench");
let sent = 0;
function fill() {
  while (sent < BLOCKS && near.bufferedAmount() < HIGH_WATER) {
    near.sendMessageBinary(BLOCK);
    sent += 1;
  }
}
near.setBufferedAmountLowThreshold(HIGH_WATER / 2);
near.onBufferedAmountLow(fill);
near.onOpen(() => {
  start();
  fill();
});
near.onMessage((data) => {
  returned += 1;
  if (returned < ROUND_TRIPS) {
    near.sendMessageBinary(Buffer.from(data));
    return;
  }
  found["round trip"] = each(ROUND_TRIPS);
  console.log(JSON.stringify(found));
  left.close();
  right.close();
  cleanup();
  process.exit(0);
});
