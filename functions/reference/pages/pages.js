// What the pages behind the links of mails have in common

const token = new URLSearchParams(location.search).get("token") ?? "";
const button = document.querySelector("button");
const status = document.querySelector("[role=status]");
// The link works once and is nobody else's business: it does not stay in the address bar
history.replaceState(null, "", location.pathname);

// Sends what the page is about, once at a time; what came back when it was taken, and otherwise says why it was not
async function send(path, body) {
  button.disabled = true;
  let answer, told;
  try {
    answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token, ...body }) });
    told = answer.status === 204 ? {} : await answer.json();
  } catch {
    status.textContent = "The server could not be reached. Try again.";
  }
  button.disabled = false;
  if (answer?.ok && told) return told;
  if (told) status.textContent = told.errors?.length ? told.errors.map((e) => `${e.field.slice(1)} ${e.message}`).join("; ") : (told.detail ?? told.title);
}
