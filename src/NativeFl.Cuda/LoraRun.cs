namespace NativeFl.Cuda;

/// <summary>Tiles, and sums, that may run at once: one launch each.</summary>
internal readonly record struct LoraRun(int FirstTile, int Tiles, int FirstSum, int Sums);
