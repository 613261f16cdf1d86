// What the camera sees: this browser's own camera, whose frames go to the terminal's process, or that process's camera.

import { get, post, postFrame } from "./wire.js";

const SIDE = 480;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Shows frames in `place` until `stop`; `isOwn`: the camera is the browser's.
export class Camera {
  constructor(place, screen, isOwn) {
    this.stopped = false;
    this.stream = null;
    this.video = place.querySelector("video");
    this.image = place.querySelector("img");
    (isOwn ? this.runOwn(screen) : this.runPreview()).catch(() => {});
  }

  // The picture stands still while the terminal does not look, too.
  freeze(still) {
    if (this.stream !== null) still ? this.video.pause() : this.video.play().catch(() => {});
  }

  stop() {
    this.stopped = true;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
    if (this.image.src) URL.revokeObjectURL(this.image.src);
  }

  async runOwn(screen) {
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" },
      });
    } catch (error) {
      await post("/camera", { screen, problem: error.name === "NotAllowedError" ? "denied" : "broken" });
      return;
    }
    if (this.stopped) return this.stop();
    this.video.srcObject = this.stream;
    this.video.hidden = false;
    await this.video.play();
    const [track] = this.stream.getVideoTracks();
    track.addEventListener("ended", () => this.stopped || post("/camera", { screen, problem: "broken" }));
    const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    const pencil = canvas.getContext("2d", { willReadFrequently: true });
    while (!this.stopped) {
      const [width, height] = [this.video.videoWidth, this.video.videoHeight];
      const shorter = Math.min(width, height);
      const side = Math.min(SIDE, shorter);
      pencil.drawImage(
        this.video, (width - shorter) / 2, (height - shorter) / 2, shorter, shorter, 0, 0, side, side);
      const reply = await postFrame(pencil.getImageData(0, 0, side, side).data, side, side).catch(() => null);
      if (!reply?.ok) await pause(300);
      await new Promise((done) => this.video.requestVideoFrameCallback?.(done) ?? setTimeout(done, 50));
    }
  }

  async runPreview() {
    let seen = 0;
    while (!this.stopped) {
      const reply = await get(`/preview?after=${seen}`).catch(() => null);
      if (this.stopped) return;
      if (!reply?.ok) {
        await pause(300);
        continue;
      }
      seen = Number(reply.headers.get("X-Frame-Number"));
      if (reply.status === 204) {
        await pause(50);
        continue;
      }
      const old = this.image.src;
      this.image.src = URL.createObjectURL(await reply.blob());
      this.image.hidden = false;
      await this.image.decode().catch(() => {});
      if (old) URL.revokeObjectURL(old);
    }
  }
}
