// Asking the server: every refusal is an Error whose message is the server's one sentence.
const sentences = JSON.parse(document.getElementById("sentences").textContent);

export function say(name, values = {}) {
  return sentences[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

export async function ask(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(say("no_answer"));
  }
  if (!answer.ok) throw Object.assign(new Error(await reason(answer)), { status: answer.status });
  return answer;
}

export function post(url, body, options = {}) {
  const headers = { "Content-Type": "application/json" };
  return ask(url, { method: "POST", headers, body: JSON.stringify(body), ...options });
}

async function reason(answer) {
  try {
    return (await answer.json()).detail;
  } catch {
    return say("no_answer");
  }
}

export function upload(file, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not say how much is sent
    request.open("POST", `photos?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => tell(event.total ? event.loaded / event.total : 1));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(request.response);
      else reject(new Error(request.response?.detail ?? say("not_sent", { name: file.name })));
    });
    request.addEventListener("error", () => reject(new Error(say("not_sent", { name: file.name }))));
    request.send(file);
  });
}
