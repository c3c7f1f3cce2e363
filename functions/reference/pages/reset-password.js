const form = document.querySelector("form");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!(await send("/api/v1/auth/reset-password", { new: form.password.value }))) return;
  form.remove();
  status.textContent = "Your password is changed. You can log in with it now.";
});
