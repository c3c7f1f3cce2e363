const form = document.querySelector("form");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!(await send("/api/v1/auth/verify-email", { password: form.password.value }))) return;
  form.remove();
  status.textContent = "Thank you. Your address is confirmed.";
});
