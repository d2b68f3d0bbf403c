namespace NativeFl.Tensors;

/// <summary>The fixed numbers of an attention layer.</summary>
/// <param name="Heads">Query heads H.</param>
/// <param name="KvHeads">Key/value heads Hkv; H is a multiple of it. Query head h reads key head h / (H / Hkv).</param>
/// <param name="HeadWidth">Head width D.</param>
/// <param name="Scale">What scores are multiplied with, usually D^(−1/2).</param>
/// <param name="Window">Sliding window: a query at position i sees keys j with i − j &lt; Window. 0 = no window.</param>
public readonly record struct AttentionShape(int Heads, int KvHeads, int HeadWidth, float Scale, int Window = 0);
