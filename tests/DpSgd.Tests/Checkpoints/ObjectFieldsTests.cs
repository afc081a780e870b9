using DpSgd.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Checkpoints;

/// <summary>An object that was taken down field by field comes back as it was.</summary>
public class ObjectFieldsTests
{
    [Fact]
    public void Fields_of_every_kind_come_back()
    {
        using var scope = NewDisposeScope();
        var tensors = new List<Tensor>();
        var written = new Everything { Whole = 1, Perhaps = 2, Long = 3, Real = 4.5, Flag = true, Values = tensor(new[] { 1.0, 2.0 }) };
        var entry = ObjectFields.Read("it", written, tensors);
        var read = new Everything { Unset = 7, Values = zeros(1) };
        var old = read.Values;

        ObjectFields.Write(read, entry, () => tensors.Single().alias());

        (read.Whole, read.Perhaps, read.Long, read.Real, read.Flag, read.Unset).Should().Be((1, 2, 3L, 4.5, true, null));
        read.Values!.data<double>().ToArray().Should().Equal(1.0, 2.0);
        old.IsInvalid.Should().BeTrue("what it had is not needed any more");
    }

    [Fact]
    public void Fields_of_another_kind_are_refused() =>
        FluentActions.Invoking(() => ObjectFields.Read("it", new Unknown(), [])).Should().Throw<NotSupportedException>().WithMessage("*Name*String*");

    private sealed class Everything
    {
        public int Whole;
        public int? Perhaps;
        public int? Unset;
        public long Long;
        public double Real;
        public bool Flag;
        public Tensor? Values;
    }

    private sealed class Unknown
    {
        public string Name = "a text";
    }
}
