namespace NativeFl.Federation;

/// <summary>Over whom the weights p_k sum to one.</summary>
public enum Renormalization
{
    /// <summary>
    /// Over all selected clients: a client that did not train a module counts there as "no change", and as rows of zeros where a method
    /// averages factors or decomposes their sum.
    /// </summary>
    None,

    /// <summary>Module by module, over the clients that trained it.</summary>
    Module,
}
