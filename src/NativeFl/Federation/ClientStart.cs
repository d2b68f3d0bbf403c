namespace NativeFl.Federation;

/// <summary>What a client's adapter is when a round begins.</summary>
public enum ClientStart
{
    /// <summary>New random A and B = 0, drawn from the client's seed of the round: the base holds all that was learnt.</summary>
    Fresh,

    /// <summary>The server's adapter, cut to the client's rank.</summary>
    Global,

    /// <summary>The client's own adapter of the last round it took part in.</summary>
    Own,
}
