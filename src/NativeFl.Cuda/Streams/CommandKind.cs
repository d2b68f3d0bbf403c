namespace NativeFl.Cuda.Streams;

/// <summary>What a <see cref="Command"/> does. As wide as its neighbours.</summary>
internal enum CommandKind : long
{
    /// <summary>Starts a kernel.</summary>
    Launch,

    /// <summary>Copies device memory.</summary>
    Copy,

    /// <summary>Fills device memory.</summary>
    Fill,

    /// <summary>Multiplies matrices by cuBLASLt.</summary>
    Product,
}
