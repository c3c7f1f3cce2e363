const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const token = new URLSearchParams(location.search).get("token") ?? "";
history.replaceState(null, "", location.pathname);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  let answer;
  try {
    const body = JSON.stringify({ token, new: form.password.value });
    answer = await fetch("/api/v1/auth/reset-password", { method: "POST", headers: { "content-type": "application/json" }, body });
  } catch {
    button.disabled = false;
    status.textContent = "The server could not be reached. Try again.";
    return;
  }
  if (answer.ok) {
    form.remove();
    status.textContent = "Your password is changed. You can log in with it now.";
  } else {
    button.disabled = false;
    const told = await answer.json();
    status.textContent = told.errors?.length ? told.errors.map((e) => e.message).join("; ") : (told.detail ?? "This did not work; try again later.");
  }
});
