namespace NativeFl.Tests.DataRefinement;

/// <summary>A text of the embedder's fixture.</summary>
/// <param name="Text">The text.</param>
/// <param name="Ids">With [CLS] and [SEP], cut.</param>
/// <param name="CasedIds">Its pieces without lower-casing.</param>
/// <param name="Mean">Of its last hidden states.</param>
/// <param name="Embedding">The mean, normalised.</param>
internal sealed record EmbeddedText(string Text, int[] Ids, int[] CasedIds, double[] Mean, double[] Embedding);
