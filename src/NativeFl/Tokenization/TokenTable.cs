namespace NativeFl.Tokenization;

/// <summary>What every id decodes to.</summary>
/// <param name="Bytes">UTF-8 bytes (possibly part of a character) by id; null for an id that no token has.</param>
/// <param name="Special">Whether an id is left out of decoded text.</param>
/// <param name="StripFirstSpace">The first space of the text stands for the prefix that encoding put there.</param>
internal sealed record TokenTable(byte[]?[] Bytes, bool[] Special, bool StripFirstSpace);
