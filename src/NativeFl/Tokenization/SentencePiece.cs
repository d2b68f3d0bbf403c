namespace NativeFl.Tokenization;

/// <summary>One entry of a SentencePiece vocabulary; its id is its place.</summary>
internal readonly record struct SentencePiece(string Text, float Score, SentencePieceType Type);
