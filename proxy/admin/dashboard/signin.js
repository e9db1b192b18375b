// Asks for the token where the admin API wants one.

import { byId, setText, show } from "./dom.js";

export class SignIn {
  /** @param done is called when there is a token to try. */
  constructor(api, done) {
    this.api = api;
    this.dialog = byId("sign-in");
    this.field = byId("token");
    this.dialog.addEventListener("cancel", (event) => event.preventDefault());
    byId("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      api.token = this.field.value.trim();
      this.tried = true;
      this.field.value = "";
      setText(byId("sign-in-error"), "");
      done();
    });
    byId("sign-out").addEventListener("click", () => {
      api.token = "";
      location.reload();
    });
  }

  /** Ask for it; after a try, say why it was refused. */
  ask(why) {
    const refused = this.tried || this.api.token;
    this.api.token = "";
    this.tried = false;
    setText(byId("sign-in-error"), refused ? why : "");
    if (!this.dialog.open) this.dialog.showModal();
    this.field.focus();
  }

  /** Say why a token could not even be tried. */
  complain(why) {
    if (this.dialog.open) setText(byId("sign-in-error"), why);
  }

  hide() {
    this.tried = false;
    if (this.dialog.open) this.dialog.close();
    show(byId("sign-out"), this.api.token !== "");
  }
}
