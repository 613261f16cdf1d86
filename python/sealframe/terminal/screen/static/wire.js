// The terminal's own process: its token, what it says, what it is told.

const KEY = "sealframe.token";

// The token comes in the address's fragment, which no server sees, and leaves the address at once.
function takeToken() {
  if (location.hash.length > 1) {
    sessionStorage.setItem(KEY, location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

const authorization = { Authorization: `Bearer ${takeToken()}` };

export function get(path, options = {}) {
  return fetch(path, { ...options, headers: authorization, cache: "no-store" });
}

export function post(path, said) {
  const headers = { ...authorization, "Content-Type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(said) });
}

export function postFrame(pixels, width, height) {
  const headers = { ...authorization, "Content-Type": "application/octet-stream" };
  return fetch(`/frame?width=${width}&height=${height}`, { method: "POST", headers, body: pixels });
}

// Server-sent events. `EventSource` cannot carry the token, so the stream is read here; ends when the connection does.
export async function* events(silenceMs) {
  const stop = new AbortController();
  let timer = 0;
  const expectMore = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), silenceMs);
  };
  expectMore();
  const reader = (await get("/events", { signal: stop.signal })).body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    expectMore();
    text += piece.value;
    const said = text.split("\n\n");
    text = said.pop();
    for (const each of said) if (each.startsWith("data: ")) yield JSON.parse(each.slice(6));
  }
}
