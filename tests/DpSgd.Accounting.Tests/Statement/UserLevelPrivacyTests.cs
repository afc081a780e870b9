namespace DpSgd.Accounting.Tests.Statement;

public class UserLevelPrivacyTests
{
    private static readonly DpEvent Step = new PoissonSampledDpEvent(0.01, new GaussianDpEvent(2));

    [Fact]
    public void One_example_is_no_group() =>
        UserLevelPrivacy.GetEpsilon(Accountant(Step), 1e-5, 1).Should().Be(Accountant(Step).GetEpsilon(1e-5));

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void The_lemma_holds_for_what_is_returned(int group)
    {
        var accountant = Accountant(Step);
        var ofGroup = UserLevelPrivacy.GetEpsilon(accountant, 1e-5, group);

        // Epsilon of one example, at the delta of one that the group's 1e-5 leaves: e^(k eps) - 1 over e^eps - 1 times as small.
        var ofOne = ofGroup / group;
        var deltaOfOne = 1e-5 * (Math.Exp(ofOne) - 1) / (Math.Exp(ofGroup) - 1);
        accountant.GetEpsilon(deltaOfOne).Should().BeApproximately(ofOne, 1e-9 * ofOne);
    }

    [Fact]
    public void What_protects_nobody_protects_no_group() =>
        UserLevelPrivacy.GetEpsilon(Accountant(new NonPrivateDpEvent()), 1e-5, 2).Should().Be(double.PositiveInfinity);

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        FluentActions.Invoking(() => UserLevelPrivacy.GetEpsilon(null!, 1e-5, 2)).Should().Throw<ArgumentNullException>().WithParameterName("accountant");
        FluentActions.Invoking(() => UserLevelPrivacy.GetEpsilon(Accountant(Step), 0, 2)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("delta");
        FluentActions.Invoking(() => UserLevelPrivacy.GetEpsilon(Accountant(Step), 1e-5, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("groupSize");
    }

    private static RdpAccountant Accountant(DpEvent dpEvent)
    {
        var accountant = new RdpAccountant();
        accountant.Compose(dpEvent, 100);
        return accountant;
    }
}
