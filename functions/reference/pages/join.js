const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const token = new URLSearchParams(location.search).get("token") ?? "";
// The link works once and is nobody else's business: it does not stay in the address bar
history.replaceState(null, "", location.pathname);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  const body = { token, password: form.password.value, zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  if (form.name.value.trim()) body.name = form.name.value.trim();
  let answer, told;
  try {
    answer = await fetch("/api/v1/auth/join", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    told = await answer.json();
  } catch {
    button.disabled = false;
    status.textContent = "The server could not be reached. Try again.";
    return;
  }
  if (answer.ok) {
    form.remove();
    status.textContent = `Welcome, ${told.name}. You can log in now as ${told.email}.`;
  } else {
    button.disabled = false;
    status.textContent = told.errors?.length ? told.errors.map((e) => `${e.field.slice(1)} ${e.message}`).join("; ") : (told.detail ?? told.title);
  }
});
