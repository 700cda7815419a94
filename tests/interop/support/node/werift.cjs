// werift, WebRTC in TypeScript.
"use strict";

const { MediaStreamTrack, RTCPeerConnection } = require("werift");
const { content, message, report, serve } = require("./lines.cjs");

const channels = {};
const pc = new RTCPeerConnection({
  iceServers: [],
  iceUseIpv6: false,
  iceAdditionalHostAddresses: ["127.0.0.1"],
});

pc.connectionStateChange.subscribe((state) => report("state", { state }));
pc.onDataChannel.subscribe(adopt);
let back = null;
let count = 0;
pc.onTrack.subscribe((track) => {
  track.onReceiveRtp.subscribe((packet) => {
    count += 1;
    report("rtp", { count });
    back?.writeRtp(packet);
  });
});

function adopt(channel) {
  const label = channel.label;
  channels[label] = channel;
  const tell = () => report("channel", { label, state: channel.readyState });
  channel.stateChanged.subscribe(tell);
  channel.onMessage.subscribe((data) => message(label, data));
  if (channel.readyState === "open") tell();
}

async function describe(made) {
  await pc.setLocalDescription(await made);
  report("description", { sdp: pc.localDescription.sdp });
}

serve(
  {
    offer: () => describe(pc.createOffer()),
    take: async ({ type, sdp }) => {
      await pc.setRemoteDescription({ type, sdp });
      if (type === "offer") await describe(pc.createAnswer());
    },
    media: ({ kind }) => {
      back = new MediaStreamTrack({ kind });
      pc.addTransceiver(back, { direction: "sendrecv" });
    },
    channel: ({ label, unordered, maxRetransmits }) =>
      adopt(pc.createDataChannel(label, { ordered: !unordered, maxRetransmits })),
    send: (command) => channels[command.label].send(content(command)),
    close_channel: ({ label }) => channels[label].close(),
  },
  () => pc.close(),
);
report("ready");
