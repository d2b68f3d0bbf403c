using NUnit.Framework.Interfaces;

[assembly: NativeFl.Cuda.Tests.RestartOrders]

namespace NativeFl.Cuda.Tests;

/// <summary>On the emulator every test begins with the first of the seed's orders: a failure among others is a failure alone.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class RestartOrdersAttribute : Attribute, ITestAction
{
    /// <inheritdoc/>
    public ActionTargets Targets => ActionTargets.Test;

    /// <inheritdoc/>
    public void BeforeTest(ITest test)
    {
        if (TestDevice.IsEmulator) Emulator.RestartOrders();
    }

    /// <inheritdoc/>
    public void AfterTest(ITest test)
    {
    }
}
