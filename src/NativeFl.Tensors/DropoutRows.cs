namespace NativeFl.Tensors;

/// <summary>
/// Token rows of one client for dropout. A mask bit depends on the client's seed, its step, the module and the token's index in the
/// client's own batch, and on nothing else, so that training clients together or alone draws the same masks.
/// </summary>
/// <param name="RowStart">The first token row.</param>
/// <param name="RowCount">Token rows; row i is token i of the client's own batch.</param>
/// <param name="Seed">The client's seed.</param>
/// <param name="Step">The client's own micro-step counter.</param>
public readonly record struct DropoutRows(int RowStart, int RowCount, ulong Seed, int Step);
