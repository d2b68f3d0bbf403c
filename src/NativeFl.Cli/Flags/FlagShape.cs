namespace NativeFl.Cli.Flags;

/// <summary>What a value looks like on the command line and in a recipe.</summary>
internal enum FlagShape
{
    /// <summary>Present or absent; true or false.</summary>
    Switch,

    /// <summary>One number.</summary>
    Number,

    /// <summary>One text.</summary>
    Text,

    /// <summary>One number or one text, such as an alpha of 32 or of 2r.</summary>
    NumberOrText,

    /// <summary>Comma-separated; an array.</summary>
    List,

    /// <summary>Repeated or space-separated; an array.</summary>
    Paths,
}
