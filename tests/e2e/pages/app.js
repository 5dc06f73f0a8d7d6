// nonce {{nonce}}
const list = document.getElementById("posts");
const answer = await (await fetch("/api/posts")).json().catch(() => ({ posts: [] }));
list.replaceChildren(
  ...answer.posts.map((post) => {
    const item = document.createElement("li");
    const face = document.createElement("img");
    face.src = `/pictures/avatar-${post.avatar}`;
    face.alt = "";
    const text = document.createElement("div");
    const name = document.createElement("b");
    name.textContent = post.name;
    const words = document.createElement("span");
    words.textContent = post.text;
    const facts = document.createElement("small");
    facts.textContent = ` · ${post.likes} likes`;
    text.append(name, words, facts);
    item.append(face, text);
    return item;
  }),
);
await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
document.documentElement.dataset.ready = "yes";
