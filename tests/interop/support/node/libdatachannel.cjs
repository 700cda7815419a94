// libdatachannel, through node-datachannel.
"use strict";

const { Audio, PeerConnection, Video, cleanup } = require("node-datachannel");
const { content, echoed, isRtp, message, report, serve } = require("./lines.cjs");

const SSRC = 1234;
const channels = {};
const pc = new PeerConnection("peer", {
  iceServers: [],
  bindAddress: "127.0.0.1",
  disableAutoNegotiation: true,
});

pc.onStateChange((state) => report("state", { state }));
pc.onGatheringStateChange((state) => {
  if (state === "complete") report("description", { sdp: pc.localDescription().sdp });
});
pc.onDataChannel(adopt);
function adopt(channel) {
  const label = channel.getLabel();
  channels[label] = channel;
  channel.onOpen(() => report("channel", { label, state: "open" }));
  channel.onClosed(() => report("channel", { label, state: "closed" }));
  channel.onMessage((data) => message(label, data));
  if (channel.isOpen()) report("channel", { label, state: "open" });
}

const kept = [];

function echo(track) {
  kept.push(track); // or it is collected
  let count = 0;
  track.onMessage((packet) => {
    if (!isRtp(packet)) return;
    track.sendMessageBinary(echoed(packet, SSRC));
    count += 1;
    report("rtp", { count });
  });
}

serve(
  {
    offer: () => pc.setLocalDescription("offer"),
    take: ({ type, sdp }) => {
      pc.setRemoteDescription(sdp, type);
      if (type === "offer") pc.setLocalDescription("answer");
    },
    media: ({ kind, codec, payloadType }) => {
      const media = kind === "audio" ? new Audio("0", "SendRecv") : new Video("0", "SendRecv");
      media[`add${codec}Codec`](payloadType);
      media.addSSRC(SSRC, "peer", "stream", "track");
      echo(pc.addTrack(media));
    },
    channel: ({ label, unordered, maxRetransmits }) =>
      adopt(pc.createDataChannel(label, { unordered, maxRetransmits })),
    send: (command) => {
      const data = content(command);
      const channel = channels[command.label];
      if (typeof data === "string") channel.sendMessage(data);
      else channel.sendMessageBinary(data);
    },
    close_channel: ({ label }) => channels[label].close(),
  },
  () => {
    pc.close();
    cleanup();
  },
);
report("ready");
