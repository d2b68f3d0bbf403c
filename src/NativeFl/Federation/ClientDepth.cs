namespace NativeFl.Federation;

/// <summary>Which clients a method takes that go without some sublayers of the base.</summary>
public enum ClientDepth
{
    /// <summary>Any: a module that a client lacks has rank 0 there.</summary>
    Any,

    /// <summary>
    /// All of one depth, for a mean of factors needs those of every client; any, where the weights are renormalised over those that trained
    /// a module.
    /// </summary>
    Alike,

    /// <summary>None: every client has the whole model.</summary>
    Whole,
}
