/** So that nobody takes for the model what the reader has changed. */
export const ChangedBadge = () => <span class="badge">changed</span>;
