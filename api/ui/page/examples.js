/** Examples that need no key and no network: a replayed article, and completions for the built-in tools. */

const triple = (prompt, completion, reference) => ({ prompt, completion, reference });

export const EXAMPLES = {
  ravel: [
    {
      name: "An article on tides, replayed",
      input: {
        brief: {
          instruction: "For readers of a harbour town's paper: what a tide table knows, and what it can't know.",
          language: "en",
        },
      },
      context: { model: "scripted:demo", protocol: "fixed" },
    },
    {
      name: "The same, asking about the outline",
      input: {
        brief: {
          instruction: "For readers of a harbour town's paper: what a tide table knows, and what it can't know.",
          language: "en",
        },
      },
      context: { model: "scripted:demo", protocol: "fixed", approve: ["outline"] },
    },
  ],
  rlar: [
    {
      name: "Six completions, mixed",
      input: {
        triples: [
          triple(
            "A crate holds 24 bottles. How many bottles do 17 crates hold?",
            "Each crate holds 24, so 17 * 24 = 408.\n#### 408",
            408,
          ),
          triple(
            "A crate holds 24 bottles. How many bottles do 17 crates hold?",
            "17 * 24 is 398, I think. The answer is 398 bottles.",
            408,
          ),
          triple(
            "Which gas do plants take in?\n(A) oxygen\n(B) carbon dioxide\n(C) helium",
            "Plants take in carbon dioxide, so the answer is (B).",
            "B",
          ),
          triple(
            "Translate into English: Der Zug kommt heute später.",
            "The train will be late today.",
            "The train is coming later today.",
          ),
          triple(
            "Reply in JSON with the keys city and country: Where is the Eiffel Tower?",
            '{"city": "Paris", "country": "France"}',
            { city: "Paris", country: "France" },
          ),
          triple("Tell me something about lighthouses.", "They were built where ships could not see the rocks.", null),
        ],
      },
      context: { acquire: false },
    },
  ],
};
