const button = document.querySelector("button");
const status = document.querySelector("[role=status]");
const token = new URLSearchParams(location.search).get("token") ?? "";
history.replaceState(null, "", location.pathname);

// A click, so that a mail scanner that opens every link confirms nothing
button.addEventListener("click", async () => {
  button.disabled = true;
  let answer;
  try {
    answer = await fetch("/api/v1/auth/verify-email", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) });
  } catch {
    button.disabled = false;
    status.textContent = "The server could not be reached. Try again.";
    return;
  }
  status.textContent = answer.ok ? "Thank you. Your address is confirmed." : ((await answer.json()).detail ?? "This did not work; try again later.");
  if (answer.ok) button.remove(); else button.disabled = false;
});
