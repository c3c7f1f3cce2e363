// A click, so that a mail scanner that opens every link confirms nothing
button.addEventListener("click", async () => {
  if (!(await send("/api/v1/auth/verify-email", {}))) return;
  button.remove();
  status.textContent = "Thank you. Your address is confirmed.";
});
